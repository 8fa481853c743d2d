"""Who asks Azure, as the variables say that Azure's own tools and adlfs, which DVC uses, know: obstore knows others."""

from collections.abc import Mapping

CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
_VARIABLES = {
    "AZURE_STORAGE_ACCOUNT": "account_name",
    "AZURE_STORAGE_KEY": "account_key",
    "AZURE_STORAGE_SAS_TOKEN": "sas_key",
}
_PARTS = {
    "AccountName": "account_name",
    "AccountKey": "account_key",
    "SharedAccessSignature": "sas_key",
    "BlobEndpoint": "endpoint",
}


def known(environ: Mapping[str, str], connection: str = "") -> dict[str, str]:
    """What an environment tells, in the words of obstore; a `connection` string counts before that in it.

    Its parts: https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string"""
    found = {ours: environ[name] for name, ours in _VARIABLES.items() if environ.get(name)}
    for part in (connection or environ.get(CONNECTION, "")).split(";"):
        key, _, value = part.strip().partition("=")
        if key in _PARTS and value:
            found[_PARTS[key]] = value
    return found
