"""Writing the one configuration file that the product itself may change: the asset universe, when asked to."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from tradingbot.config.files import read_json
from tradingbot.core.errors import ConfigurationError
from tradingbot.market.universe import UniverseParams

UNIVERSE_FILE = "asset_universe.json"


def write_universe(folder: Path, universe: UniverseParams) -> bool:
    """Replace `asset_universe.json` atomically; False when it says the same already. Raises ConfigurationError."""
    path = folder / UNIVERSE_FILE
    content = universe.model_dump(mode="json", exclude_defaults=False)
    if UniverseParams.model_validate(read_json(path)) == universe:
        return False
    rows = ",\n".join(f"    {orjson.dumps(row).decode()}" for row in content.pop("assets"))
    heads = "".join(
        f"  {orjson.dumps(key).decode()}: {orjson.dumps(value).decode()},\n" for key, value in content.items()
    )
    comment = '  "_comment": "Assets and each venue\'s names for them; validation switches rows off and on.",\n'
    text = f'{{\n{comment}{heads}  "assets": [\n{rows}\n  ]\n}}\n'
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be written: {error.strerror}; check the folder's owner and mode"
        ) from error
    return True
