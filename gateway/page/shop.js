"use strict";

const interval = 5000;

async function look(row) {
    const say = (well, text) => {
        row.className = well ? "up" : "down";
        row.querySelector("output").textContent = text;
    };
    try {
        const answer = await fetch(`/health/${row.dataset.service}`, { cache: "no-store" });
        say(answer.ok, answer.ok ? "열림 · open" : "쉼 · not ready");
    } catch {
        say(false, "연결 안 됨 · not reached");
    }
}

function lookAtAll() {
    if (!document.hidden) {
        document.querySelectorAll("[data-service]").forEach(look);
    }
}

document.querySelectorAll(".door").forEach((door) => { door.textContent = location.host; });
lookAtAll();
setInterval(lookAtAll, interval);
document.addEventListener("visibilitychange", lookAtAll);
