"""What stands between the page and strangers: an allow-list, limits, disk, and failures as sentences."""
