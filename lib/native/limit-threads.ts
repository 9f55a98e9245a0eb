/** What libgomp and MKL read when they are loaded, or first used. */
const variables = ["OMP_NUM_THREADS", "MKL_NUM_THREADS"] as const;

/**
 * Lets LibTorch choose no more threads than `limit`, while `load` loads it and asks for its choice, which stays afterwards. What the
 * environment says already only becomes smaller, and is as it was in the end: programs that are started later are no concern of ours.
 *
 * In a worker thread, whose environment is a copy that C does not see, this does nothing; networks are told their number.
 */
export async function loadWithin<Result>(limit: number, load: () => Promise<Result>): Promise<Result> {
  const before = variables.map((name) => [name, process.env[name]] as const);
  for (const [name, value] of before) {
    // A list, `4,2`, has the threads of nested regions after the first.
    const asked = value === undefined || value === "" ? Infinity : Number.parseInt(value, 10);
    const isSet = asked !== Infinity || name === "OMP_NUM_THREADS";
    if (isSet && !(asked <= limit)) process.env[name] = String(limit);
  }
  try {
    return await load();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  }
}
