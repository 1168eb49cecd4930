-- One native pageview as text/plain, as the tag sends it. Every event has a new message
-- id, and there are more pages than the proxy caches.
local count = 0
local body = '{"site":"shop","name":"pageview","id":"4f5c1b1e-8a0b-4d8e-9b77-%012d",' ..
  '"url":"https://shop.example/p/%d/some-product?utm_source=x",' ..
  '"referrer":"https://www.google.com/","lang":"de-DE","screen":[1920,1080]}'
request = function()
  count = count + 1
  return wrk.format("POST", "/v1/events", {
    ["Content-Type"] = "text/plain",
    ["Origin"] = "https://shop.example",
    ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 " ..
      "(KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
  }, string.format(body, count, count % 5000))
end
