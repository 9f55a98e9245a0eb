/** What a process runs on, as far as the addon cares. */
export interface Platform {
  /** `process.platform` */
  readonly system: string;
  /** `process.arch` */
  readonly architecture: string;
  /** Version of glibc, for example `2.36`; `null` where Node is linked to another C library. */
  readonly glibc: string | null;
}

/** LibTorch's wheels are manylinux_2_28: they need this glibc or a newer one. */
const oldestGlibc = [2, 28] as const;

/** The platform of this process. */
export function currentPlatform(): Platform {
  const { platform: system, arch: architecture } = process;
  return { system, architecture, glibc: system === "linux" ? glibcVersion() : null };
}

/** Why the addon can't run on a platform, as a sentence; `null` if it can. */
export function platformProblem({ system, architecture, glibc }: Platform): string | null {
  const supported = "wsss-tissue-native runs on Linux x64 with glibc 2.28 or newer";
  if (system !== "linux" || architecture !== "x64") return `${supported}; this is ${system} ${architecture}.`;
  if (glibc === null) return `${supported}; the C library here is not glibc (Alpine's musl?).`;
  const [major = 0, minor = 0] = glibc.split(".").map(Number);
  const oldEnough = major > oldestGlibc[0] || (major === oldestGlibc[0] && minor >= oldestGlibc[1]);
  return oldEnough ? null : `${supported}; glibc here is ${glibc}.`;
}

function glibcVersion(): string | null {
  // Without this, the report looks up the names of all network peers, which can take seconds. Unknown before Node 20.13.
  const settings = process.report as { excludeNetwork?: boolean };
  const before = settings.excludeNetwork;
  settings.excludeNetwork = true;
  try {
    const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime ?? null;
  } finally {
    if (before !== undefined) settings.excludeNetwork = before;
  }
}
