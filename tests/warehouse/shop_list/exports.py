"""Order lists as shop systems and Stripe export them: their columns, our rows.

Each has the same orders: 1001 was paid, 1002 was refunded in part, 1003 in whole. 1004
was cancelled or failed. All were placed on 22 November 2026 in Berlin.
"""

SHOPIFY = """\
Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,\
Lineitem quantity,Lineitem name,Cancelled at,Payment Method,Refunded Amount,Id
#1001,a@shop.example,paid,2026-11-22 10:00:00 +0100,EUR,50.00,1234.50,\
2026-11-22 10:00:00 +0100,1,Boots,,card,0.00,5901
#1001,a@shop.example,,,,,,,2,Laces,,,,
#1002,b@shop.example,partially_refunded,2026-11-22 11:00:00 +0100,EUR,20.00,20.00,\
2026-11-22 11:00:00 +0100,1,Hat,,card,5.00,5902
#1003,c@shop.example,refunded,2026-11-22 12:00:00 +0100,EUR,30.00,30.00,\
2026-11-22 12:00:00 +0100,1,Hat,2026-11-23 12:00:00 +0100,card,30.00,5903
#1004,d@shop.example,voided,,EUR,40.00,40.00,\
2026-11-22 13:00:00 +0100,1,Hat,2026-11-22 13:01:00 +0100,card,0.00,5904
#1005,d@shop.example,paid,,EUR,41.00,41.00,\
2026-11-22 13:00:00 +0100,1,Hat,,(for testing) Bogus Gateway,0.00,5905
"""

WOOCOMMERCE = """\
Date,"Order #","N. Revenue (formatted)",Status,Customer,"Product(s)","Net Sales"
"2026-11-22 10:00:00",1001,"1.234,50\u00a0€",completed,A,"1 Boots",1037.39
"2026-11-22 11:00:00",1002,"20,00\u00a0€ 15,00\u00a0€",completed,B,"1 Hat",12.61
"2026-11-22 12:00:00",1003,"30,00\u00a0€",refunded,C,"1 Hat",0
"2026-11-22 13:00:00",1004,"40,00\u00a0€",failed,D,"1 Hat",33.61
"""

MEDUSA = """\
Order_ID;Display_ID;Order status;Date;Payment Status;Refunded Total;Total;Currency_Code
order_01A;1001;completed;Sun, 22 Nov 2026 09:00:00 GMT;captured;0;1234.5;eur
order_01B;1002;pending;Sun, 22 Nov 2026 10:00:00 GMT;partially_refunded;5;20;eur
order_01C;1003;completed;Sat, 21 Nov 2026 23:30:00 GMT;refunded;30;30;eur
order_01D;1004;canceled;Sun, 22 Nov 2026 12:00:00 GMT;canceled;0;40;eur
"""

PRESTASHOP = """\
ID;Reference;"New client";Delivery;Customer;Total;Payment;Status;Date
1001;XKBKNABJK;1;France;"A A";"€1,234.50";Card;"Payment accepted";"2026-11-22 10:00:00"
1002;OHSATSERP;0;France;"B B";€20.00;Card;"Partial refund";"2026-11-22 11:00:00"
1003;UOYEVOLI1;0;France;"C C";€30.00;Card;Refunded;"2026-11-22 12:00:00"
1004;FFATNOMMJ;0;France;"D D";€40.00;Card;"Payment error";"2026-11-22 13:00:00"
"""

MAGENTO = """\
ID,"Purchase Point","Purchase Date","Bill-to Name","Grand Total (Base)",\
"Grand Total (Purchased)",Status,"Total Refunded"
000001001,Main,"Nov 22, 2026 10:00:00 AM","A A",1234.5000,1234.5000,Complete,
000001002,Main,"Nov 22, 2026 11:00:00 AM","B B",20.0000,20.0000,Complete,5.0000
000001003,Main,"Nov 22, 2026 12:00:00 PM","C C",30.0000,30.0000,Closed,30.0000
000001004,Main,"Nov 22, 2026 1:00:00 PM","D D",40.0000,40.0000,Canceled,
"""

STRIPE = """\
id,Description,Created date (UTC),Amount,Amount Refunded,Currency,Mode,Status,\
order_id (metadata)
ch_1,,2026-11-22 09:00,"1.234,50","0,00",eur,Live,Paid,1001
ch_2,,2026-11-22 09:59,"20,00","0,00",eur,Live,Failed,1002
ch_3,,2026-11-22 10:00,"20,00","5,00",eur,Live,Paid,1002
ch_4,,2026-11-21 23:30,"30,00","30,00",eur,Live,Refunded,1003
ch_5,,2026-11-22 12:00,"40,00","0,00",eur,Live,Failed,1004
ch_6,,2026-11-22 12:00,"41,00","0,00",eur,Test,Paid,1005
"""

# The text, and the columns by which events may know the orders, with the form of ids.
EXPORTS = {
    "Shopify": (SHOPIFY, {"Id": "590{}", "Name": "100{}"}),
    "WooCommerce": (WOOCOMMERCE, {"Order #": "100{}"}),
    "Medusa": (MEDUSA, {"Display_ID": "100{}"}),
    "PrestaShop": (PRESTASHOP, {"ID": "100{}"}),
    "Magento": (MAGENTO, {"ID": "00000100{}"}),
    "Stripe": (STRIPE, {"order_id (metadata)": "100{}"}),
}
