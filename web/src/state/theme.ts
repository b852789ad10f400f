/** Light or dark: as the system has it, or as somebody chose in this browser. */

import { effect, signal } from "@preact/signals";
import { watchPrinting } from "./printing";

export type Theme = "system" | "light" | "dark";

const KEPT_AS = "runlake.theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>("system");
/** Paper is light. */
const isPrinting = signal(false);

/** Take up what was chosen, and keep what is chosen from now on. */
export function beginTheme(): void {
  theme.value = THEMES.find((one) => one === kept()) ?? "system";
  watchPrinting((isNow) => (isPrinting.value = isNow));
  effect(() => {
    const shown = isPrinting.value ? "light" : theme.value;
    if (shown === "system") {
      delete document.documentElement.dataset["theme"];
    } else {
      document.documentElement.dataset["theme"] = shown;
    }
    keep(theme.value);
  });
}

/** From light to dark or back, whatever the system has. */
export function toggleTheme(): void {
  theme.value = isDark() ? "light" : "dark";
}

export function isDark(): boolean {
  return theme.value === "dark" || (theme.value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

// A browser may refuse to keep anything; the page is then as the system has it.

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function keep(chosen: Theme): void {
  try {
    if (chosen === "system") {
      localStorage.removeItem(KEPT_AS);
    } else {
      localStorage.setItem(KEPT_AS, chosen);
    }
  } catch {
    return;
  }
}
