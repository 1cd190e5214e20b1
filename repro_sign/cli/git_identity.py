"""What git knows of the person: asked where a command needs a name."""

from repro_sign.system.process import find_program, fresh_environment, run


def git_setting(setting: str) -> str | None:
    """Return a setting of the user's; None if git is not there or has none."""
    git = find_program("git")
    if git is None:
        return None
    passed = ("HOME", "XDG_CONFIG_HOME", "USERPROFILE")
    done = run([str(git), "config", "--get", setting], env=fresh_environment(*passed))
    value = done.stdout.decode("utf-8", "replace").strip()
    return value if done.status == 0 and value else None
