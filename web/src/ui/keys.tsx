/** Keys that work on every page. None of them decides anything: they go somewhere or open something. */

import { useEffect, useRef } from "react";
import { useGo } from "./address";
import { PLACES } from "./places";

const PATIENCE = 1_200;

export function useKeys(does: { openPalette: () => void; openHelp: () => void }): void {
  const go = useGo();
  const began = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        does.openPalette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
      if (Date.now() - began.current < PATIENCE) {
        began.current = 0;
        const place = PLACES.find((one) => one.key === event.key);
        if (place) {
          event.preventDefault();
          go(place.path);
          return;
        }
      }
      if (event.key === "g") began.current = Date.now();
      else if (event.key === "?") does.openHelp();
      else if (event.key === "/") focusFilter(event);
      else if (event.key === "j" || event.key === "k") moveRow(event, event.key === "j" ? 1 : -1);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable], [role=dialog]") !== null;
}

function focusFilter(event: KeyboardEvent): void {
  const found = document.querySelector<HTMLInputElement>("main [data-filter]");
  if (found) {
    event.preventDefault();
    found.focus();
  }
}

function moveRow(event: KeyboardEvent, by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("main tr[data-row]")];
  const now = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[now < 0 ? 0 : now + by];
  if (next) {
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
}
