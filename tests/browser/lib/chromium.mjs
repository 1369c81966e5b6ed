/** Debian's Chromium, and the devices that people hold in front of it. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-proxy-server', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-default-apps', '--mute-audio'];

export const DEVICES = {
    phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
    tablet: { viewport: { width: 1280, height: 800 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 },
    desktop: { viewport: { width: 1440, height: 900 }, hasTouch: false, isMobile: false, deviceScaleFactor: 1 },
};

export const LANGUAGES = { ko: 'ko-KR', en: 'en-US' };

/** A Chromium with a profile of its own, which ends with it; `flags` are further ones of its command line. */
export async function launchChromium(flags = []) {
    if (!existsSync(CHROMIUM)) {
        throw new Error(`there is no Chromium at ${CHROMIUM}; tools/setup test installs it`);
    }
    return chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...flags], headless: true });
}
