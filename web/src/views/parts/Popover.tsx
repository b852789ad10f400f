/** Something that floats beside the button which opens it, until Escape, a click elsewhere, or another address. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

export type PopoverProps = {
  /** What the button shows, and what it is called. */
  readonly button: ComponentChildren;
  readonly label: string;
  readonly buttonClass?: string;
  readonly wide?: boolean;
  readonly children: (close: () => void) => ComponentChildren;
  /** Open from the beginning, as for something that was just added. */
  readonly isOpenAtFirst?: boolean;
  readonly onClose?: () => void;
};

const MARGIN_PX = 8;

export function Popover(props: PopoverProps): JSX.Element {
  const isOpen = useSignal(props.isOpenAtFirst === true);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    isOpen.value = false;
    props.onClose?.();
    button.current?.focus();
  };
  return (
    <span class="popover-place">
      <button
        ref={button}
        type="button"
        class={props.buttonClass ?? "button"}
        aria-label={props.label}
        title={props.label}
        aria-haspopup="dialog"
        aria-expanded={isOpen.value}
        onClick={() => (isOpen.value ? close() : (isOpen.value = true))}
      >
        {props.button}
      </button>
      {isOpen.value && (
        <Floating anchor={button} label={props.label} isWide={props.wide === true} close={close}>
          {props.children(close)}
        </Floating>
      )}
    </span>
  );
}

type FloatingProps = {
  readonly anchor: { readonly current: HTMLElement | null };
  readonly label: string;
  readonly isWide: boolean;
  readonly close: () => void;
  readonly children: ComponentChildren;
};

function Floating({ anchor, label, isWide, close, children }: FloatingProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const place = (): void => {
      const { current } = box;
      const from = anchor.current?.getBoundingClientRect();
      if (current === null || from === undefined) {
        return;
      }
      const leftPx = Math.min(from.left, innerWidth - current.offsetWidth - MARGIN_PX);
      const belowPx = innerHeight - from.bottom - 2 * MARGIN_PX;
      const isBelow = belowPx >= Math.min(current.scrollHeight, 240) || belowPx >= from.top;
      current.style.left = `${Math.max(MARGIN_PX, leftPx)}px`;
      current.style.maxHeight = `${isBelow ? belowPx : from.top - 2 * MARGIN_PX}px`;
      current.style.top = isBelow ? `${from.bottom + 4}px` : "";
      current.style.bottom = isBelow ? "" : `${innerHeight - from.top + 4}px`;
    };
    place();
    const watcher = new ResizeObserver(place);
    watcher.observe(document.documentElement);
    const first = box.current?.querySelector<HTMLElement>("[data-first], input, textarea, button, [tabindex]");
    first?.focus();
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => {
    addEventListener("popstate", close);
    return () => removeEventListener("popstate", close);
  });
  useEffect(() => {
    const onDown = (event: PointerEvent): void => {
      const target = event.target as Node;
      if (box.current?.contains(target) === false && anchor.current?.contains(target) === false && target.isConnected) {
        close();
      }
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && document.activeElement === document.body) {
        close(); // what had the focus is gone
      }
    };
    addEventListener("pointerdown", onDown, true);
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("pointerdown", onDown, true);
      removeEventListener("keydown", onKey);
    };
  });
  return (
    <div
      ref={box}
      class={isWide ? "popover popover-wide" : "popover"}
      role="dialog"
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          close();
        }
      }}
    >
      {children}
    </div>
  );
}
