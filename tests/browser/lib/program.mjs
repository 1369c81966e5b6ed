/** The program `coffeeshop`: where it is, which settings it has, its processes. */
import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const PROGRAM = process.env.COFFEESHOP ?? path.join(ROOT, 'build', 'coffeeshop');

const TICKS_A_SECOND = 100; /* the unit of /proc/PID/stat, the same on every Linux we run on */

/** The flags of `coffeeshop up` that tell where the services are: [{flag, service}]; `service` is the one whose address goes there. */
export function addressFlags() {
    const help = execFileSync(PROGRAM, ['up', '--help'], { encoding: 'utf8' });
    const listens = [...help.matchAll(/^\s+--((\w+)\.listen)=/gm)].map(([, flag, service]) => ({ flag, service, listens: true }));
    const peers = [...help.matchAll(/^\s+--(\w+\.(\w+)_url)=/gm)].map(([, flag, service]) => ({ flag, service, listens: false }));
    return [...listens, ...peers];
}

function isFree(port) {
    return new Promise((resolve) => {
        const probe = createServer();
        probe.once('error', () => resolve(false));
        probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
    });
}

/* Below the ports that outgoing connections are given, so that a killed service finds its own free again, and apart from those of
 * the system tests. Each file of tests begins somewhere else. */
const PORTS = { from: 10_000, count: 9_000 };
let nextPort = randomInt(PORTS.count);

/** A port that nobody listens at, and that nobody else here was given: shops of one file open at the same time. */
export async function freePort() {
    for (;;) {
        nextPort = (nextPort + 1) % PORTS.count;
        const port = PORTS.from + nextPort;
        if (await isFree(port)) {
            return port;
        }
    }
}

/** Starts the program; what it says goes to the file `log`. It is ended by its own id, always. */
export function startProgram(words, log) {
    const out = openSync(log, 'a');
    const child = spawn(PROGRAM, words, { stdio: ['ignore', out, out] });
    closeSync(out);
    return child;
}

/** The ids of the processes that a process has started. */
export function childrenOf(pid) {
    try {
        return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
        return [];
    }
}

export function wordsOf(pid) {
    try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
        return [];
    }
}

/** What a process has used until now: {cpuMs, memoryKb (resident, its own), files (open)}. */
export function usageOf(pid) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').pop().trim().split(' ');
    const memory = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^RssAnon:\s+(\d+) kB/m);
    return {
        cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_A_SECOND,
        memoryKb: Number(memory?.[1] ?? 0),
        files: readdirSync(`/proc/${pid}/fd`).length,
    };
}
