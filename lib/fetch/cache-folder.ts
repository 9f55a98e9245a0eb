/** The cache folder, by environment variables or in the user's home. */
import { homedir } from "node:os";
import path from "node:path";
import { WsssError } from "../errors.js";

/**
 * Where this library keeps what it fetches: `$WSSS_CACHE`, else `$XDG_CACHE_HOME/wsss-tissue-native`, else
 * `~/.cache/wsss-tissue-native`. Absolute; may not exist yet.
 *
 * @throws WsssError `WSSS_ERR_IO` if none of them is set and there is no home folder.
 */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const own = environment["WSSS_CACHE"];
  if (own !== undefined && own !== "") return path.resolve(own);
  const shared = environment["XDG_CACHE_HOME"];
  const base = shared !== undefined && path.isAbsolute(shared) ? shared : path.join(homeFolder(), ".cache");
  return path.join(base, "wsss-tissue-native");
}

function homeFolder(): string {
  let home = "";
  try {
    home = homedir();
  } catch {
    // A user whom the system does not know, as in many containers.
  }
  if (path.isAbsolute(home)) return home;
  throw new WsssError(
    "WSSS_ERR_IO",
    "there is no home folder for what is fetched: set WSSS_CACHE to a folder of yours",
  );
}
