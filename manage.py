#!/usr/bin/env python
"""Entry of every command; starts the embedded servers for the command's own duration where it needs them."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recsite.settings")
    execute_from_command_line(sys.argv)
