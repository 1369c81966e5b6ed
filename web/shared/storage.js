/** What this device remembers. Where it may not (a private window), the page still works for as long as it is open. */

const PREFIX = 'coffeeshop.';
const memory = new Map(); /* what could not be stored */

const kindOf = (value) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

/** What was remembered under the name; `otherwise` when there is nothing, or nothing of that kind (of another version, or broken). */
export function recall(name, otherwise) {
    let value;
    try {
        value = memory.has(name) ? memory.get(name) : JSON.parse(localStorage.getItem(PREFIX + name));
    } catch {
        return otherwise;
    }
    return kindOf(value) === kindOf(otherwise) ? value : otherwise;
}

export function remember(name, value) {
    try {
        localStorage.setItem(PREFIX + name, JSON.stringify(value));
        memory.delete(name);
    } catch {
        memory.set(name, value);
    }
}

/** Calls `changed` when another window of this device remembers something new under the name. */
export function watch(name, changed) {
    addEventListener('storage', (event) => {
        if (event.key === PREFIX + name || event.key === null) { /* null: all was forgotten */
            changed();
        }
    });
}
