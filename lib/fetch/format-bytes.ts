/** Bytes for a person: `192 MB`, `3.3 GB`. */
export function formatBytes(bytes: number): string {
  return bytes < 1e9 ? `${String(Math.ceil(bytes / 1e6))} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
