"""The table of commands: words, the module that holds each, its line in the help, its group.

A command module has `configure(parser)`, which adds its arguments, and `run(args, app) -> int`, which gives
its exit code. It is imported only when its command is the one that was typed.
"""

from typing import NamedTuple


class Command(NamedTuple):
    module: str
    summary: str
    group: str


COMMANDS: dict[str, Command] = {
    "build": Command("build", "Make an image from a Dockerfile", "Build"),
    "builder prune": Command("builder_prune", "Forget build steps and remove what only they keep", "Build"),
    "run": Command("run", "Make a container and start it", "Run"),
    "create": Command("create", "Make a container without starting it", "Run"),
    "start": Command("start", "Start containers", "Run"),
    "stop": Command("stop", "Ask containers to end, and wait until they have", "Run"),
    "restart": Command("restart", "Stop containers and start them again", "Run"),
    "kill": Command("kill", "Send containers a signal", "Run"),
    "pause": Command("pause", "Freeze every process of containers", "Run"),
    "unpause": Command("unpause", "Let frozen containers go on", "Run"),
    "wait": Command("wait", "Wait for containers to end and print their exit codes", "Run"),
    "rm": Command("rm", "Remove containers", "Run"),
    "rename": Command("rename", "Give a container another name", "Run"),
    "container prune": Command("container_prune", "Remove every container that does not run", "Run"),
    "exec": Command("exec", "Run another command in a running container", "Run"),
    "attach": Command("attach", "Join a running container's input and output", "Run"),
    "ps": Command("ps", "List containers", "Run"),
    "logs": Command("logs", "Show what a container has printed", "Run"),
    "inspect": Command("inspect", "Show everything about containers, images, networks, volumes", "Run"),
    "stats": Command("stats", "Show what containers use, live", "Run"),
    "top": Command("top", "Show the processes of a container", "Run"),
    "port": Command("port", "Show where a container's ports are reached", "Run"),
    "bootstrap": Command("bootstrap", "Make a base image from Debian packages", "Images"),
    "images": Command("images", "List images", "Images"),
    "tag": Command("tag", "Give an image another name", "Images"),
    "history": Command("history", "Show how an image came about", "Images"),
    "rmi": Command("rmi", "Remove images", "Images"),
    "image prune": Command("image_prune", "Remove images that nothing needs", "Images"),
    "save": Command("save", "Write images into an archive", "Images"),
    "load": Command("load", "Bring in images from an archive", "Images"),
    "network ls": Command("network_ls", "List networks", "Networks and volumes"),
    "network create": Command("network_create", "Make a network", "Networks and volumes"),
    "network rm": Command("network_rm", "Remove networks", "Networks and volumes"),
    "network inspect": Command("network_inspect", "Show everything about networks", "Networks and volumes"),
    "network prune": Command("network_prune", "Remove networks no container uses", "Networks and volumes"),
    "volume ls": Command("volume_ls", "List volumes", "Networks and volumes"),
    "volume create": Command("volume_create", "Make a volume", "Networks and volumes"),
    "volume rm": Command("volume_rm", "Remove volumes", "Networks and volumes"),
    "volume prune": Command("volume_prune", "Remove volumes that no container uses", "Networks and volumes"),
    "system df": Command("system_df", "Show how much space everything takes", "System"),
    "system prune": Command("system_prune", "Remove everything that is not used", "System"),
    "system check": Command("system_check", "Check every byte of the store, and repair it", "System"),
    "completion": Command("completion", "Print the shell's completion script", "Host"),
    "doctor": Command("doctor", "Say what this machine can do, and what is missing", "Host"),
    "info": Command("info", "Show this installation and this machine", "Host"),
    "version": Command("version", "Show the version", "Host"),
}

_OF_CONTAINERS = (
    "attach", "create", "exec", "kill", "logs", "pause", "port", "ps", "rename", "restart", "rm", "run",
    "start", "stats", "stop", "top", "unpause", "wait",
)  # fmt: skip
_OF_IMAGES = ("build", "history", "load", "save", "tag")
ALIASES: dict[str, tuple[str, ...]] = {
    "image build": ("build",),
    "builder build": ("build",),
    **{f"image {name}": (name,) for name in _OF_IMAGES},
    "image ls": ("images",),
    "image list": ("images",),
    "image rm": ("rmi",),
    "image remove": ("rmi",),
    "image inspect": ("inspect", "--type", "image"),
    **{f"container {name}": (name,) for name in _OF_CONTAINERS},
    "container ls": ("ps",),
    "container list": ("ps",),
    "container remove": ("rm",),
    "container inspect": ("inspect", "--type", "container"),
    "system info": ("info",),
    "network list": ("network ls",),
    "network remove": ("network rm",),
    "volume list": ("volume ls",),
    "volume remove": ("volume rm",),
    "volume inspect": ("inspect", "--type", "volume"),
}
"""docker's other names: the command meant, and the words that go in front of the user's."""
