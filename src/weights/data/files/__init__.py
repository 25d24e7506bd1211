"""Labelled files of any medium: folders, zips and tables that name files in, one column of decoded files out.

What sets one medium apart from another is said by a record, `medium.Medium`; nothing here knows of any one of them.
"""
