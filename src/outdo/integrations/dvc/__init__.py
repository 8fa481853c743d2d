"""DVC's formats, read and written as DVC 3 does, byte for byte. docs/design/dvc.md has what was found out of them."""
