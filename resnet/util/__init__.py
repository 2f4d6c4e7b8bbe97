"""Nothing about ResNets: text, errors, numbers, files, the machine."""
