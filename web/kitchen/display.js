/** What a display on the wall needs of its device: to stay awake, to fill the screen, to make a sound. Each may be refused. */

/** Keeps the screen on for as long as the page is in sight; tells whether it does. */
export function stayAwake(onState) {
    async function request() {
        if (document.hidden) {
            return;
        }
        try {
            const lock = await navigator.wakeLock.request('screen');
            lock.addEventListener('release', () => onState(false));
            onState(true);
        } catch {
            onState(false);
        }
    }
    document.addEventListener('visibilitychange', request);
    request();
}

export function toggleFullscreen() {
    const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.();
    done?.catch(() => {});
}

let audio = null;

/** Browsers allow sound only after a touch: call it from one. */
export function allowSound() {
    audio ??= new AudioContext();
    audio.resume().catch(() => {});
}

/** Two soft notes, like a spoon on a cup. */
export function chime() {
    if (audio?.state !== 'running') {
        return;
    }
    [880, 1174.66].forEach((pitch, i) => {
        const at = audio.currentTime + i * 0.14;
        const tone = audio.createOscillator();
        const gain = audio.createGain();
        tone.type = 'sine';
        tone.frequency.value = pitch;
        gain.gain.setValueAtTime(0.0001, at);
        gain.gain.exponentialRampToValueAtTime(0.3, at + 0.02);
        gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.7);
        tone.connect(gain).connect(audio.destination);
        tone.start(at);
        tone.stop(at + 0.75);
    });
}
