"""Rules of the estate: what names, folders, labels and networks say of machines that nobody holds."""
