"""Disk files that nothing uses: `proof` says which are orphans, `actions` renames them and has them back, `clockwork`
removes them when their wait is over, `endings` is what follows, `queries` reads."""
