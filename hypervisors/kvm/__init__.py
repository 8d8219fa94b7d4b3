"""KVM hosts through libvirt."""
