/** Gives the person a file. */

export function download(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A file name out of any text. */
export function fileName(text: string, ending: string): string {
  const name = text.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 80);
  return `${name || "chart"}.${ending}`;
}
