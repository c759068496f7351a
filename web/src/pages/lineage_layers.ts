/** Datasets by how far they are from the figure. */
export function layers(read: string[], reads: Map<string, string[]>): string[][] {
  const depth = new Map<string, number>();
  const visit = (name: string, at: number) => {
    if ((depth.get(name) ?? -1) >= at || at > 20) return;
    depth.set(name, at);
    for (const under of reads.get(name) ?? []) visit(under, at + 1);
  };
  for (const name of read) visit(name, 0);
  const found: string[][] = [];
  for (const [name, at] of depth) (found[at] ??= []).push(name);
  return found.map((names) => names.sort());
}
