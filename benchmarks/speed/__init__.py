"""`make bench`: time and memory of the whole path, beside targets and beside other tools."""
