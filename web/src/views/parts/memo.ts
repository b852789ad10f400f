/** A component that is rendered again only when what it is given is another. */

import { h, type Component, type FunctionComponent, type JSX } from "preact";

export function memo<P extends object>(view: FunctionComponent<P>): FunctionComponent<P> {
  return function Kept(this: Component<P>, props: P): JSX.Element {
    this.shouldComponentUpdate = (next) => isAnother(this.props, next);
    return h(view, props);
  } as FunctionComponent<P>;
}

function isAnother(old: object, next: object): boolean {
  const names = Object.keys(next) as (keyof typeof next)[];
  return names.length !== Object.keys(old).length || names.some((name) => old[name] !== next[name]);
}
