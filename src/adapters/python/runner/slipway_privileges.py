"""What a runner gives up before anything of a model runs: the rights of root, core files, endless files and memory."""

import os
import sys
import sysconfig


def give_up(limits, readable, own):
    """
    `limits` is {"user": name or None, "userRequired": bool, "fileBytes": int, "memoryBytes": int or None}; `readable` are the
    paths that must be readable afterwards, `own` is the folder that the new user may write. Answers with a note for the log
    where the user stays root, else None.
    """
    note = drop_user(limits.get("user"), limits.get("userRequired") is True, readable, own)
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("1000")  # When memory runs out, it is the model that goes and not the server.
    except OSError:
        pass
    limit_resources(limits)
    os.umask(0o077)
    return note


def limit_resources(limits):
    try:
        import resource
    except ImportError:
        return
    wanted = [("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", limits["fileBytes"])]
    if limits.get("memoryBytes"):
        # Data and not address space: libraries reserve far more than they use.
        wanted.append(("RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS", limits["memoryBytes"]))
    for name, value in wanted:
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def drop_user(name, required, readable, own):
    if not hasattr(os, "getuid") or os.getuid() != 0 or name is None:
        return None
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        if required:
            raise PermissionError(f"The user {name} does not exist") from None
        return f"there is no user {name}: the model runs as root"
    blocked = first_unreadable(entry, [os.path.dirname(own), *readable, *interpreter_paths()])
    if blocked is not None:
        if required:
            raise PermissionError(f"{name} may not read {blocked}")
        return f"{name} may not read {blocked}: the model runs as root"
    os.chown(own, entry.pw_uid, entry.pw_gid)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    return None


def interpreter_paths():
    """The standard library and the environment's packages, which are read while the model runs."""
    paths = sysconfig.get_paths()
    return [path for path in (paths["stdlib"], paths["platstdlib"], sys.prefix, os.path.dirname(sys.executable)) if os.path.exists(path)]


def first_unreadable(entry, paths):
    """Tried as that user, for a moment, and not computed from modes: lists of access and mounts count too."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        for path in paths:
            try:
                if os.path.isdir(path):
                    os.listdir(path)
                else:
                    with open(path, "rb"):
                        pass
            except OSError:
                return path
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
    return None
