"""The reference pages, each made from where its subject is defined."""
