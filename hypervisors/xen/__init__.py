"""Pools of Xen hosts, by XenAPI."""
