"""What is looked for in a recipe: a module for each subject, from values to remarks."""
