"""Labels of a text carried to its translation, and labels of several models made one."""
