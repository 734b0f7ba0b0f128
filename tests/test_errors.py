"""The drawing of the family is the family, parents included."""

from isogloss import errors


def drawn_parents():
    """Class to parent, read from the indentation of the tree in the docstring."""
    stack, parents = [], {}
    for line in errors.__doc__.splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if not name.isidentifier() or not hasattr(errors, name):
            continue
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        stack[depth:] = [name]
        parents[name] = stack[depth - 1] if depth else "Exception"
    return parents


def test_every_class_stands_under_its_parent():
    real = {
        name: thing.__base__.__name__
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, Exception)
    }
    assert drawn_parents() == real


def test_a_missing_package_gives_the_install_line():
    text = str(errors.MissingExtra("datasets", "hub", "reading a dataset by name"))
    assert 'pip install "isogloss[hub]"' in text and "reading a dataset by name" in text
