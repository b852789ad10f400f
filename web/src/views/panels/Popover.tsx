/**
 * A button and what it opens above the page: closed by Escape, by a click elsewhere, and by choosing. It is in the
 * browser's top layer, as panels measure themselves and a box that floats within them would be placed by them.
 */

import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";

const GAP_PX = 4;

function place(button: HTMLElement, box: HTMLElement): void {
  const from = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const left = Math.max(GAP_PX, Math.min(from.right - width, innerWidth - width - GAP_PX));
  const isBelow = from.bottom + GAP_PX + height <= innerHeight || from.top < height;
  const top = isBelow ? from.bottom + GAP_PX : from.top - GAP_PX - height;
  box.style.left = `${left}px`;
  box.style.top = `${Math.max(GAP_PX, Math.min(top, innerHeight - height - GAP_PX))}px`;
}

/** `children` get a function that closes; they are made when it opens. */
export function Popover(props: {
  readonly label: string;
  readonly face: ComponentChildren;
  readonly class?: string;
  readonly children: (close: () => void) => ComponentChildren;
}): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = (): void => {
    box.current?.hidePopover();
    button.current?.focus();
  };
  useLayoutEffect(() => {
    if (!isOpen) return;
    const hide = (): void => box.current?.hidePopover(); // what it stands beside may be elsewhere at another address
    addEventListener("popstate", hide);
    return () => removeEventListener("popstate", hide);
  }, [isOpen]);
  const toggled = (event: Event): void => {
    const opens = (event as ToggleEvent).newState === "open";
    setOpen(opens);
    if (!opens) return;
    requestAnimationFrame(() => {
      if (button.current === null || box.current === null) return;
      place(button.current, box.current);
      box.current.querySelector<HTMLElement>("button, input, select")?.focus();
    });
  };
  return (
    <>
      <button ref={button} type="button" class={`tool ${props.class ?? ""}`} aria-label={props.label} title={props.label}
        aria-expanded={isOpen} popovertarget={id}>
        {props.face}
      </button>
      <div ref={box} id={id} popover="auto" class="panel-popover" role="group" aria-label={props.label} onToggle={toggled}>
        {isOpen && props.children(close)}
      </div>
    </>
  );
}

/** A thing that can be done, in a popover. */
export function MenuItem(props: { readonly onChoose: () => void; readonly children: ComponentChildren }): JSX.Element {
  return (
    <button type="button" class="menu-item" onClick={props.onChoose}>
      {props.children}
    </button>
  );
}
