/** A field with what might be meant below it: arrows choose, Enter takes. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export type Choice = { readonly value: string; readonly label?: ComponentChildren; readonly hint?: ComponentChildren };

export type CompletionProps = {
  readonly label: string;
  readonly placeholder?: string;
  readonly initial?: string;
  /** What may be meant by a text, the best first. */
  readonly choicesFor: (text: string) => readonly Choice[];
  /** Told what was taken; `isChoice` when it is one of the choices. */
  readonly onTake: (text: string, isChoice: boolean) => void;
  /** Told each keystroke. */
  readonly onText?: (text: string) => void;
  /** Whether text that is none of the choices may be taken. */
  readonly isFree?: boolean;
  /** Whether the field is empty again behind what was taken. */
  readonly isCleared?: boolean;
  /** Whether the choices are in sight from the beginning. */
  readonly isAlwaysOpen?: boolean;
};

export function Completion(props: CompletionProps): JSX.Element {
  const text = useSignal(props.initial ?? "");
  const at = useSignal(-1);
  const isOpen = useSignal(props.isAlwaysOpen === true);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const choices = isOpen.value || props.isAlwaysOpen === true ? props.choicesFor(text.value) : [];
  const chosen = at.value >= 0 || props.isFree === true ? at.value : text.value === "" ? -1 : 0;

  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  const take = (value: string, isChoice: boolean): void => {
    text.value = props.isCleared === true ? "" : value;
    at.value = -1;
    isOpen.value = false;
    props.onText?.(text.value);
    props.onTake(value, isChoice);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      isOpen.value = true;
      const step = event.key === "ArrowDown" ? 1 : -1;
      at.value = Math.max(-1, Math.min(choices.length - 1, chosen + step));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const choice = choices[chosen];
      if (choice !== undefined) {
        take(choice.value, true);
      } else if (props.isFree === true) {
        take(text.value, false);
      }
    } else if (event.key === "Escape" && isOpen.value && choices.length > 0 && props.isAlwaysOpen !== true) {
      event.stopPropagation();
      isOpen.value = false;
    }
  };

  return (
    <div class="completion">
      <input
        ref={input}
        class="field"
        type="text"
        role="combobox"
        spellcheck={false}
        autocomplete="off"
        aria-label={props.label}
        aria-expanded={choices.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={chosen >= 0 && chosen < choices.length ? `${id}-${chosen}` : undefined}
        placeholder={props.placeholder}
        value={text.value}
        onFocus={() => (isOpen.value = true)}
        onClick={() => (isOpen.value = true)}
        onBlur={() => (isOpen.value = false)}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          at.value = -1;
          isOpen.value = true;
          props.onText?.(text.value);
        }}
        onKeyDown={onKeyDown}
      />
      {choices.length > 0 && (
        <ul ref={list} id={id} class={props.isAlwaysOpen === true ? "choices" : "choices choices-floating"} role="listbox" aria-label={props.label}>
          {choices.map((choice, i) => (
            <li
              key={choice.value}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === chosen}
              class={i === chosen ? "choice choice-at" : "choice"}
              onPointerDown={(event) => event.preventDefault()}
              onClick={() => take(choice.value, true)}
            >
              <span class="choice-label">{choice.label ?? choice.value}</span>
              {choice.hint !== undefined && <span class="choice-hint">{choice.hint}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
