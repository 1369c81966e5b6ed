#include "menu.h"

const char *menu_built_in(void)
{
    return "{\n"
           "  \"currency\": \"KRW\",\n"
           "  \"items\": [\n"
           "    {\"name\": \"Americano\", \"ko\": \"아메리카노\", \"en\": \"Americano\", \"aliases\": \"Ame\", "
           "\"price\": 4500},\n"
           "    {\"name\": \"Latte\", \"ko\": \"카페 라떼\", \"en\": \"Caffè latte\", \"aliases\": \"Cafe "
           "Latte,라떼\", \"price\": 5000},\n"
           "    {\"name\": \"Cappuccino\", \"ko\": \"카푸치노\", \"en\": \"Cappuccino\", \"aliases\": \"Capu\", "
           "\"price\": 5000},\n"
           "    {\"name\": \"Mocha\", \"ko\": \"카페 모카\", \"en\": \"Caffè mocha\", \"aliases\": \"Cafe "
           "Mocha,모카\", \"price\": 5500},\n"
           "    {\"name\": \"Espresso\", \"ko\": \"에스프레소\", \"en\": \"Espresso\", \"aliases\": \"\", \"price\": "
           "4000},\n"
           "    {\"name\": \"Tea\", \"ko\": \"차\", \"en\": \"Tea\", \"aliases\": \"\", \"price\": 4500}\n"
           "  ]\n"
           "}\n";
}
