import { expect, test } from "vitest";
import { answerOf, askAhead } from "../src/wire/ahead";

/** Questions that answer with their name and how often they were asked; one that is aborted ends so. */
function questions(...names: readonly string[]) {
  const counts = new Map<string, number>();
  const aborted: string[] = [];
  const ask = (name: string) => (signal?: AbortSignal): Promise<string> => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    signal?.addEventListener("abort", () => aborted.push(name));
    return Promise.resolve(`${name} ${counts.get(name)}`);
  };
  const ahead = Object.fromEntries(names.map((name) => [name, (one: { signal?: AbortSignal }) => ask(name)(one.signal)]));
  return { ahead, ask, aborted };
}

test("who comes gets the answer that was asked for ahead, once", async () => {
  const { ahead, ask } = questions("keys");
  askAhead(ahead);
  expect(await answerOf("keys", ask("keys"))).toBe("keys 1");
  expect(await answerOf("keys", ask("keys"))).toBe("keys 2");
});

test("a hand that comes back asks no second time, and one that goes elsewhere ends what it asked", async () => {
  const [one, other] = [questions("a", "b"), questions("c")];
  askAhead(one.ahead);
  askAhead(one.ahead);
  askAhead(other.ahead);
  expect(one.aborted).toEqual(["a", "b"]);
  expect(await answerOf("a", one.ask("a"))).toBe("a 2");
  expect(await answerOf("c", other.ask("c"))).toBe("c 1");
});

test("what was refused ahead is asked again, and tells then what is wrong", async () => {
  const refuse = (): Promise<never> => Promise.reject(new Error("not yet"));
  askAhead({ keys: refuse });
  expect(await answerOf("keys", () => Promise.resolve("keys"))).toBe("keys");
  askAhead({ keys: refuse });
  await expect(answerOf("keys", refuse)).rejects.toThrow("not yet");
});
