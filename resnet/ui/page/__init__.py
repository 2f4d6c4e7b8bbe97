"""The page as a whole: building it, its state in a link, its language, its device."""
