/** Reads the CPU quota of a container or batch job from its control groups. */
import { readFileSync } from "node:fs";
import path from "node:path";

/** A control group that this process is in, and the place where the hierarchy can be read. */
interface Group {
  readonly version: 1 | 2;
  /** Folder of the group itself. */
  readonly folder: string;
  /** Folder of the highest group that is to be seen. */
  readonly top: string;
}

/**
 * How many CPUs the control groups of this process let it use, as containers and batch systems set it: the smallest quota
 * of its own group and those above it, of version 1 and 2. It may be a fraction; `null` if there is none.
 *
 * @param root - where the file system begins. @defaultValue `"/"`
 */
export function cpuQuota(root = "/"): number | null {
  const quotas = groupsOf(root).flatMap(({ version, folder, top }) => {
    const read = version === 2 ? quotaOfVersion2 : quotaOfVersion1;
    return foldersUpTo(folder, top).map((one) => read(path.join(root, one)));
  });
  const known = quotas.filter((quota) => quota !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** The groups of this process whose hierarchies are mounted and rule the CPU. */
function groupsOf(root: string): Group[] {
  const memberships = linesOf(path.join(root, "proc/self/cgroup"));
  return linesOf(path.join(root, "proc/self/mountinfo")).flatMap((line): Group[] => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , mounted = "", at = ""] = left.split(" ").map(unescaped);
    const [type = "", , options = ""] = right.split(" ");
    const version = type === "cgroup2" ? 2 : 1;
    if (version === 1 && !(type === "cgroup" && options.split(",").includes("cpu"))) return [];
    const own = memberships.map((text) => pathOfGroup(text, version)).find((found) => found !== null);
    return own === undefined ? [] : [{ version, folder: path.join(at, below(mounted, own)), top: at }];
  });
}

/** The path in a line of `/proc/self/cgroup` such as `4:cpu,cpuacct:/docker/12ab`; of version 2 it is `0::/docker/12ab`. */
function pathOfGroup(line: string, version: 1 | 2): string | null {
  const [, number = "", controllers = "", group = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
  const isIt = version === 2 ? number === "0" && controllers === "" : controllers.split(",").includes("cpu");
  return isIt ? group : null;
}

/**
 * A group's path seen from what is mounted. A container often sees its own group alone, while `/proc/self/cgroup` still says where
 * that is on its host; the mount is then the group.
 */
function below(mounted: string, group: string): string {
  const relative = path.posix.relative(mounted, group);
  return relative.split("/")[0] === ".." ? "" : relative;
}

/** A folder and those above it, as far as `top`. */
function foldersUpTo(folder: string, top: string): string[] {
  return folder === top || path.dirname(folder) === folder
    ? [folder]
    : [folder, ...foldersUpTo(path.dirname(folder), top)];
}

/** `cpu.max`: `150000 100000`, or `max 100000` for no quota; microseconds of each period. */
function quotaOfVersion2(folder: string): number | null {
  const [quota = "", period = ""] = (linesOf(path.join(folder, "cpu.max"))[0] ?? "").split(" ");
  return share(quota, period);
}

/** `cpu.cfs_quota_us`, -1 for none, and `cpu.cfs_period_us`. */
function quotaOfVersion1(folder: string): number | null {
  const [quota = ""] = linesOf(path.join(folder, "cpu.cfs_quota_us"));
  const [period = ""] = linesOf(path.join(folder, "cpu.cfs_period_us"));
  return share(quota, period);
}

function share(quota: string, period: string): number | null {
  const cpus = Number(quota) / Number(period);
  return Number.isFinite(cpus) && cpus > 0 ? cpus : null;
}

/** mountinfo writes spaces and the like as `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}
