/** The whole page: which view the address names. */

import type { JSX } from "preact";
import { address } from "../../state/address";

export function App(): JSX.Element {
  const { parts } = address.value;
  return <main>{parts.length === 0 ? "runlake" : parts.join(" / ")}</main>;
}
