"""The site: `make docs` builds it strictly, without a network, and it is read without one."""

from fairtoll import __version__

project = "fairtoll"
author = "The fairtoll developers"
copyright = "the fairtoll developers, Apache License 2.0"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["adult-80-runs/*", "adult-recipes/*", "examples/*"]

# Pages link to headings as GitHub has them.
myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 4
# Files of the repository that are no page: links to them lead to copies.
html_extra_path = ["adult-80-runs", "adult-recipes"]

# Notebooks hold the outputs that the tests check.
nb_execution_mode = "off"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "separated"
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "literal"
# A word of a docstring that several classes have as a field, such as loss, is no reference.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"fairtoll {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
# No index of icons, no badge: nothing that is loaded from elsewhere.
html_theme_options = {"sidebar_hide_name": False, "footer_icons": []}
