/**
 * Why a path of a file of a dataset is refused, to be read behind its name, or null if it is fine: a relative path with `/`
 * that goes downwards only. What it is relative to decides the caller; symbolic links are the user's business.
 */
export function pathProblem(text: string): string | null {
  if (text === "") return "must not be empty";
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f]/.test(text)) return "must not hold control characters";
  if (text.startsWith("/") || /^[A-Za-z]:/.test(text)) return "must be relative, not absolute";
  if (text.includes("\\")) return "must be written with /, not with backslashes";
  if (text.split("/").includes("..")) return "must not leave its folder by ..";
  return null;
}
