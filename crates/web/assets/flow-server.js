// Gatehouse: what the flow editor asks the server. Answers are objects; what went wrong is a sentence in `error`.

export async function ask(address, body, signal) {
  try {
    const answer = await fetch(address, {
      method: "POST",
      body: JSON.stringify(body),
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]')?.content ?? "",
      },
      signal,
    });
    const told = await answer.json();
    return answer.ok ? told : { error: told.error?.message ?? `The server answered ${answer.status}.` };
  } catch (failure) {
    return { error: failure.name === "AbortError" ? "" : "The server was not reached.", aborted: failure.name === "AbortError" };
  }
}

// Judges a definition after a pause in the writing; only the last question counts. `then` gets the answer with
// `problems` and `missing`, or null when nobody could say.
export class Judge {
  constructor(address, then) {
    this.address = address;
    this.then = then;
  }

  stop() {
    clearTimeout(this.timer);
    this.asked?.abort();
  }

  ask(definition) {
    this.stop();
    if (!this.address) return;
    this.timer = setTimeout(async () => {
      const asked = this.asked = new AbortController();
      const answer = await ask(this.address, { definition }, asked.signal);
      if (!asked.signal.aborted) this.then(Array.isArray(answer.problems) ? answer : null);
    }, 350);
  }
}
