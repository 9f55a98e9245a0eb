/** Ways to lay a patch: what a network looks at. */

/** The patch alone, the patch and its three mirror images, or all eight ways to lay a square patch. */
export const patchViews = ["one", "flips", "symmetries"] as const;

/** One of {@link patchViews}. */
export type PatchViews = (typeof patchViews)[number];
