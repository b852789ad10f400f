/** The page's address: a hash route, so that any server and any prefix will do. */

import { signal, type ReadonlySignal } from "@preact/signals";

/** Where the page is: the parts of the path, unquoted, and what stands behind the question mark, as it is. */
export type Address = { readonly parts: readonly string[]; readonly query: string };

/** An address out of a location's hash; parts that are not quoted well are taken as they stand. */
export function parseHash(hash: string): Address {
  const text = hash.replace(/^#?\/?/, "");
  const [path = "", ...rest] = text.split("?");
  return { parts: path.split("/").filter(Boolean).map(unquoted), query: rest.join("?") };
}

/** The hash of an address: `#/ada/mnist?f=…`. */
export function formatHash(parts: readonly string[], query = ""): string {
  return `#/${parts.map(encodeURIComponent).join("/")}${query === "" ? "" : `?${query}`}`;
}

function unquoted(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const current = signal<Address>(parseHash(globalThis.location?.hash ?? ""));

/** Where the page is. */
export const address: ReadonlySignal<Address> = current;

/** Where the page is cannot stand in the address of a document that lies within another, as in a notebook. */
let isInside = false;

/** Be at a place where the browser's address names none; from then on keep it there, or in a document within another here. */
export function beginAt(parts: readonly string[], query: string): void {
  isInside = location.protocol === "about:";
  if (isInside) {
    current.value = { parts, query };
    addEventListener("click", followWithin);
    return;
  }
  if (location.hash.replace(/^#?\/?/, "") === "") {
    history.replaceState(null, "", formatHash(parts, query));
  }
  current.value = parseHash(location.hash);
}

/** Links name routes, which the document around this one would take for its own. */
function followWithin(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const route = link?.getAttribute("href") ?? "";
  if (route.startsWith("#")) {
    event.preventDefault();
    current.value = parseHash(route);
  }
}

/** Follow the browser's address from now on. */
export function followLocation(): void {
  const read = (): void => {
    const { parts, query } = parseHash(location.hash);
    const before = current.peek();
    if (query !== before.query || formatHash(parts) !== formatHash(before.parts)) {
      current.value = { parts, query };
    }
  };
  addEventListener("popstate", read); // with the click, where the other word comes some tasks later
  addEventListener("hashchange", read);
}

/** Go to another part of the page; the way back leads here. */
export function goTo(parts: readonly string[], query = ""): void {
  if (isInside) {
    current.value = { parts, query };
    return;
  }
  location.hash = formatHash(parts, query);
}

/** Say the present state in the address, without a step in the history of the browser. */
export function replaceQuery(query: string): void {
  const { parts } = current.peek();
  if (query !== current.peek().query) {
    if (!isInside) {
      history.replaceState(history.state, "", formatHash(parts, query));
    }
    current.value = { parts, query };
  }
}

const TOKEN = /^#token=([^&]+)(?:&to=(.*))?$/s;

/** The token that `runlake ui` put into the address, which is without it from then on; null when there is none. */
export function takeToken(): string | null {
  const found = TOKEN.exec(location.hash);
  if (found === null) {
    return null;
  }
  history.replaceState(null, "", `#${unquoted(found[2] ?? "/")}`);
  current.value = parseHash(location.hash);
  return unquoted(found[1] ?? "");
}

/** Say one part of a query in the address and leave the others as they are; null takes it out. */
export function setInQuery(name: string, value: string | null): void {
  const query = new URLSearchParams(current.peek().query);
  if (value === null) {
    query.delete(name);
  } else {
    query.set(name, value);
  }
  replaceQuery(query.toString());
}
