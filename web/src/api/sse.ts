/** Server-sent events over POST, which EventSource cannot. */

export interface Said {
  event: string;
  data: unknown;
  /** By which one who was cut off goes on after it. */
  id?: string;
}

/** Reads a stream's text piece by piece: call it with each piece, it gives the events that are whole. */
export function reader(): (piece: string) => Said[] {
  let rest = "";
  return (piece) => {
    rest += piece;
    const parts = rest.split("\n\n");
    rest = parts.pop() ?? "";
    return parts.flatMap((part) => {
      const lines = part.split("\n");
      const field = (name: string) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      const data = field("data").join("\n");
      return data ? [{ event: field("event")[0] ?? "message", data: JSON.parse(data) as unknown, id: field("id")[0] }] : [];
    });
  };
}
