"""The page: tabs, links, languages and limits. Only this package and app.py import gradio."""
