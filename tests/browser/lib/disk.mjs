/** A disk that can be filled and emptied. Root gets a file system of its own; who isn't root limits the size of the shop's files. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const succeeds = (command, ...words) => spawnSync(command, words, { stdio: 'ignore' }).status === 0;

export class SmallDisk {
    constructor() {
        this.path = mkdtempSync(path.join(os.tmpdir(), 'coffeeshop-disk-'));
        this.isMounted = succeeds('mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', this.path);
    }

    /** Nothing can be written by these processes any more, but into room that they have already. */
    fill(pids) {
        if (!this.isMounted) {
            this.#limit(pids, 65_536);
            return;
        }
        const file = openSync(path.join(this.path, 'filler'), 'a');
        for (const size of [1 << 20, 4096, 1]) {
            const block = Buffer.alloc(size);
            try {
                while (writeSync(file, block) === size); /* until there is no room */
            } catch {
                /* that much is too much */
            }
        }
        closeSync(file);
    }

    empty(pids) {
        if (this.isMounted) {
            unlinkSync(path.join(this.path, 'filler'));
        } else {
            this.#limit(pids, 'unlimited');
        }
    }

    #limit(pids, size) {
        pids.forEach((pid) => succeeds('prlimit', '--pid', String(pid), `--fsize=${size}:`));
    }

    close() {
        if (this.isMounted) {
            succeeds('umount', '-l', this.path);
        }
        rmSync(this.path, { recursive: true, force: true });
    }
}
