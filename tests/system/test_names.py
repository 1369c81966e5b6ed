"""A name is one text however it is typed, from the order to the cup: composed or not, in any letter case, in a menu and at the stock
keeper's that spell it each in their own way."""
import json
import unicodedata

import pytest

from eventually import eventually
from rules import check_rules


def nfd(text):
    return unicodedata.normalize("NFD", text)


def write_menu(path, *names, mark=""):
    items = [{"name": name, "ko": "아메리카노" if name == "Americano" else "", "price": 4000} for name in names]
    path.write_text(mark + json.dumps({"currency": "KRW", "items": items}, ensure_ascii=False), encoding="utf-8")
    return path


def on_menu(shop, name):
    items = shop["customercenter"].get("/menu").json()["_embedded"]["menu"]
    return next(item for item in items if item["name"] == name)


def restart_all(shop):
    shop.stop()
    shop.start()


@pytest.mark.parametrize("on_the_menu, kept, typed", [
    (nfd("Caffè Latte"), "CAFFÈ LATTE", "caffè latte"), ("éclair", nfd("ÉCLAIR"), "Éclair"), ("Straßenkaffee", "STRASSENKAFFEE", "strassenkaffee"),
    ("유자차", nfd("유자차"), nfd("유자차")), ("Flat White", "FLAT white", "flat WHITE")])
def test_an_order_flows_however_each_spells_its_name(open_shop, tmp_path, on_the_menu, kept, typed):
    """The keeper had it before it was on the menu, so that the row has the keeper's spelling."""
    shop = open_shop({"menu": write_menu(tmp_path / "menu.json", "Americano")}).start()
    row = shop["stock"].post("/stocks", json={"productName": kept, "qty": 0}).json()
    write_menu(tmp_path / "menu.json", "Americano", on_the_menu)
    restart_all(shop)
    name = unicodedata.normalize("NFC", on_the_menu)
    assert [stock["id"] for stock in shop.all("stocks") if stock["productName"] != "Americano"] == [row["id"]], "one row"
    eventually(lambda: on_menu(shop, name)["soldOut"] is True, what="it is sold out")
    order = shop.order(typed, 2)
    assert order["productName"] == name
    shop.wait_order(order["id"], "Out of stock")
    assert shop["stock"].post("/stocks/receive", json={"productName": typed, "qty": 5}).json()["id"] == row["id"]
    shop.wait_order(order["id"], "Completed")
    assert shop["stock"].get(f"/stocks/{row['id']}").json()["qty"] == 3
    eventually(lambda: on_menu(shop, name)["soldOut"] is False, what="it is there again")
    eventually(lambda: shop.page_of(order["id"])["orderStatus"] == "Completed")
    assert shop.page_of(order["id"])["productName"] == name
    assert len(shop.all("stocks")) == 2


def test_who_waits_under_a_name_that_the_menu_spells_otherwise_by_now_gets_the_goods(open_shop, tmp_path):
    shop = open_shop({"menu": write_menu(tmp_path / "menu.json", "Caffè Latte"), "stock.opening": 0}).start()
    waiting = shop.order("Caffè Latte")["id"]
    shop.wait_order(waiting, "Out of stock")
    write_menu(tmp_path / "menu.json", nfd("CAFFÈ latte"))
    restart_all(shop)
    later = shop.order("caffè LATTE")["id"]
    shop.wait_order(later, "Out of stock")
    shop.receive(3, "Caffè latte")
    for each in (waiting, later):
        shop.wait_order(each, "Completed")
    assert [(row["productName"], row["qty"]) for row in shop.all("stocks")] == [("Caffè Latte", 1)]
    eventually(lambda: on_menu(shop, "CAFFÈ latte")["soldOut"] is False)


def test_a_decomposed_korean_name_is_the_menus(own_shop):
    order = own_shop.order(nfd("아메리카노"), 2)
    assert order["productName"] == "Americano"
    own_shop.wait_order(order["id"], "Completed")
    counter = own_shop["product"].post("/products", json={"productName": nfd("아메리카노"), "qty": 1})
    assert (counter.status_code, counter.json()["productName"]) == (201, "Americano")
    assert own_shop.on_hand() == 97
    check_rules(own_shop, [order["id"]])


def test_a_byte_order_mark_before_the_menu_and_the_settings_is_nothing(open_shop, tmp_path):
    menu = write_menu(tmp_path / "menu.json", "Yuja Tea", mark="\ufeff")
    settings = tmp_path / "shop.conf"
    settings.write_text(f"\ufeffmenu = {menu}\nstock.opening = 7\n", encoding="utf-8")
    shop = open_shop()
    shop.settings["config"] = settings
    shop.start()
    assert [(row["productName"], row["qty"]) for row in shop.all("stocks")] == [("Yuja Tea", 7)]
    assert on_menu(shop, "Yuja Tea")["price"] == 4000
