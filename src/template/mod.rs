//! Jinja2 as Ansible has it, by minijinja.
