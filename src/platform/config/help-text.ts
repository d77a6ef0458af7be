/** What `--help` prints. */
export const HELP_TEXT = `Gatehouse: one MCP endpoint in front of every MCP server.

Usage
  npm start                        start with ./config.yaml, or the example that ships
  npm start -- [flags]
  npm start -- import litellm --database-url URL   read LiteLLM's database into this one (import --help)
  npm start -- rotate-salt [--dry-run]             seal what is stored anew under LITELLM_SALT_KEY (rotate-salt --help)

Flags
  -c, --config FILE   configuration file                          [CONFIG_FILE_PATH, ./config.yaml]
  -p, --port N        port to listen on; 0 takes a free one       [PORT, 4000]
      --host H        address to listen on                        [HOST, 127.0.0.1]
      --workers N     processes that share the port               [GATEHOUSE_WORKERS, 1]
      --check         validate the configuration, print every problem with its line, and exit with 0 or 1
  -h, --help          this text
  -v, --version       the version

In brackets: the environment variable used when the flag is absent, then the default.
A .env file in the working directory is read; real environment variables win over it.

Environment
  LITELLM_MASTER_KEY   the administrator's key; needed to listen on anything but loopback (16 characters or more)
  LITELLM_SALT_KEY     key under which stored secrets are sealed; LITELLM_SALT_KEY_PREVIOUS opens what the one before sealed
  DATABASE_URL         Postgres to use; absent: an embedded Postgres under ./data
  GATEHOUSE_DATA_DIR   where the embedded Postgres keeps its files              [./data]
  PROXY_BASE_URL       the address clients use, when it is not the one listened on
  SERVER_ROOT_PATH     path prefix, when hosted below the root
  GATEHOUSE_REPLICA_URL   where other replicas on the same database reach this one; default: its own address
  MCP_TOOL_PREFIX_SEPARATOR   what stands between server and tool in names      [-]
  LOG_LEVEL, LOG_FORMAT       trace|debug|info|warn|error|fatal|silent, json|pretty

Exit codes: 0 fine, 1 the configuration is invalid or the start failed, 2 wrong flags.
Every key of the configuration file: docs/configuration.md
`;
